from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from .models import Recipe
from .units import canonical_unit, clean_name

Text100 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Unit = Annotated[str, StringConstraints(max_length=20)]
NonNegative = Annotated[float, Field(ge=0)]


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class LoginIn(BaseModel):
    email: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254,
                                            pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    password: str = Field(min_length=8, max_length=200)


class RegisterIn(LoginIn):
    name: Text100


class HouseholdOut(Out):
    id: int
    name: str
    invite_code: str
    created_at: datetime


class AmountIn(BaseModel):
    name: Text100
    unit: Unit = "piece"

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return clean_name(value)

    @field_validator("unit")
    @classmethod
    def _unit(cls, value: str) -> str:
        return canonical_unit(value)


class IngredientLine(AmountIn):
    amount: NonNegative | None = None
    note: str = Field("", max_length=200)


class Nutrition(BaseModel):
    """Per serving."""
    calories: NonNegative | None = None
    protein_g: NonNegative | None = None
    fat_g: NonNegative | None = None
    carbs_g: NonNegative | None = None


class PhotoMeta(Out):
    url: str = Field(max_length=500)
    content_type: str = Field("image/jpeg", max_length=50)
    width: int | None = None
    height: int | None = None
    caption: str = Field("", max_length=200)


class RecipeIn(BaseModel):
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    description: str = Field("", max_length=5000)
    servings: float = Field(4, gt=0, le=100)
    prep_minutes: int = Field(0, ge=0)
    cook_minutes: int = Field(0, ge=0)
    source_url: str | None = Field(None, max_length=500)
    is_public: bool = False
    ingredients: list[IngredientLine] = Field(default_factory=list, max_length=100)
    steps: list[str] = Field(default_factory=list, max_length=100)
    tags: list[Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=50)]] = Field(
        default_factory=list, max_length=30)
    photos: list[PhotoMeta] = Field(default_factory=list, max_length=20)
    nutrition: Nutrition = Nutrition()


RECIPE_FIELDS = ("title", "description", "servings", "prep_minutes", "cook_minutes", "source_url", "is_public")


class RecipeOut(RecipeIn):
    id: int
    household_id: int
    author_id: int | None
    created_at: datetime
    rating: float | None = None
    ratings: int = 0

    @classmethod
    def of(cls, recipe: Recipe, rating: float | None = None, ratings: int = 0) -> "RecipeOut":
        plain = ("id", "household_id", "author_id", "created_at", *RECIPE_FIELDS)
        return cls(
            **{name: getattr(recipe, name) for name in plain},
            ingredients=[IngredientLine(name=line.ingredient.name, amount=line.amount, unit=line.unit, note=line.note)
                         for line in recipe.ingredients],
            steps=[step.text for step in recipe.steps], tags=[tag.name for tag in recipe.tags],
            photos=[PhotoMeta.model_validate(photo) for photo in recipe.photos],
            nutrition=Nutrition(**{name: getattr(recipe, name) for name in Nutrition.model_fields}),
            rating=rating, ratings=ratings)


class RecipeSummary(BaseModel):
    id: int
    title: str
    minutes: int
    servings: float
    tags: list[str]
    rating: float | None = None
    ratings: int = 0
    matched: int = 0

    @classmethod
    def of(cls, recipe: Recipe, **extra) -> "RecipeSummary":
        return cls(id=recipe.id, title=recipe.title, minutes=recipe.prep_minutes + recipe.cook_minutes,
                   servings=recipe.servings, tags=[tag.name for tag in recipe.tags], **extra)


class PlanIn(BaseModel):
    day: date
    meal: Literal["breakfast", "lunch", "dinner", "snack"] = "dinner"
    recipe_id: int
    servings: float | None = Field(None, gt=0, le=100)
    eaters: list[int] = []


class PantryIn(AmountIn):
    amount: float = Field(gt=0)
    best_before: date | None = None
