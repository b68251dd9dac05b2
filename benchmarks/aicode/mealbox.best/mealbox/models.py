from datetime import date, datetime

from sqlalchemy import DDL, Column, ForeignKey, Index, String, Table, Text, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .db import Base, utcnow


def fk(target: str, ondelete: str = "CASCADE", **kwargs):
    return mapped_column(ForeignKey(target, ondelete=ondelete), **kwargs)


def children(order_by: str):
    return relationship(order_by=order_by, cascade="all, delete-orphan", passive_deletes=True, lazy="raise")


class WithId:
    id: Mapped[int] = mapped_column(primary_key=True)


class Stamped:
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class User(WithId, Stamped, Base):
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(200))
    is_admin: Mapped[bool] = mapped_column(default=False)


class AuthToken(Base):
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = fk("users.id", index=True)
    expires_at: Mapped[datetime]


class Household(WithId, Stamped, Base):
    name: Mapped[str] = mapped_column(String(100))
    invite_code: Mapped[str] = mapped_column(String(32), unique=True)


class Membership(Base):
    household_id: Mapped[int] = fk("households.id", primary_key=True)
    user_id: Mapped[int] = fk("users.id", primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(10), default="member")
    portion: Mapped[float] = mapped_column(default=1.0)  # how many servings this person eats
    user: Mapped[User] = relationship(lazy="raise")


class Friendship(Base):
    """One row per direction; two households are friends when there is one each way."""
    household_id: Mapped[int] = fk("households.id", primary_key=True)
    friend_id: Mapped[int] = fk("households.id", primary_key=True, index=True)


class Ingredient(WithId, Base):
    name: Mapped[str] = mapped_column(String(100), unique=True)
    aisle: Mapped[str] = mapped_column(String(40), default="other")
    grams_per_ml: Mapped[float | None]
    grams_per_piece: Mapped[float | None]


recipe_tags = Table(
    "recipe_tags", Base.metadata,
    Column("recipe_id", ForeignKey("recipes.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True, index=True),
)

plan_eaters = Table(
    "plan_eaters", Base.metadata,
    Column("entry_id", ForeignKey("plan_entries.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
)


class Tag(WithId, Base):
    name: Mapped[str] = mapped_column(String(50), unique=True)


class RecipeIngredient(WithId, Base):
    recipe_id: Mapped[int] = fk("recipes.id", index=True)
    ingredient_id: Mapped[int] = fk("ingredients.id", "RESTRICT", index=True)
    position: Mapped[int]
    amount: Mapped[float | None]  # None: to taste
    unit: Mapped[str] = mapped_column(String(20), default="piece")
    note: Mapped[str] = mapped_column(String(200), default="")
    ingredient: Mapped[Ingredient] = relationship(lazy="raise")


class Step(WithId, Base):
    recipe_id: Mapped[int] = fk("recipes.id", index=True)
    position: Mapped[int]
    text: Mapped[str] = mapped_column(Text)


class Photo(WithId, Base):
    recipe_id: Mapped[int] = fk("recipes.id", index=True)
    url: Mapped[str] = mapped_column(String(500))
    content_type: Mapped[str] = mapped_column(String(50), default="image/jpeg")
    width: Mapped[int | None]
    height: Mapped[int | None]
    caption: Mapped[str] = mapped_column(String(200), default="")


class Recipe(WithId, Stamped, Base):
    __table_args__ = (Index("ix_recipe_rating", "rating_average", "id", "is_public", "household_id"),
                      Index("ix_recipe_cooked", text("times_cooked DESC"), "id"))
    household_id: Mapped[int] = fk("households.id", index=True)
    author_id: Mapped[int | None] = fk("users.id", "SET NULL")
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    servings: Mapped[float] = mapped_column(default=4)
    prep_minutes: Mapped[int] = mapped_column(default=0)
    cook_minutes: Mapped[int] = mapped_column(default=0)
    source_url: Mapped[str | None] = mapped_column(String(500))
    is_public: Mapped[bool] = mapped_column(default=False)
    calories: Mapped[float | None]  # nutrition is per serving
    protein_g: Mapped[float | None]
    fat_g: Mapped[float | None]
    carbs_g: Mapped[float | None]
    # kept by triggers (below)
    rating_sum: Mapped[int] = mapped_column(default=0, server_default="0")
    rating_count: Mapped[int] = mapped_column(default=0, server_default="0")
    rating_average: Mapped[float] = mapped_column(default=0.0, server_default="0")
    line_count: Mapped[int] = mapped_column(default=0, server_default="0")
    times_cooked: Mapped[int] = mapped_column(default=0, server_default="0")
    ingredients: Mapped[list[RecipeIngredient]] = children("RecipeIngredient.position")
    steps: Mapped[list[Step]] = children("Step.position")
    photos: Mapped[list[Photo]] = children("Photo.id")
    tags: Mapped[list[Tag]] = relationship(secondary=recipe_tags, order_by="Tag.name", lazy="raise",
                                           passive_deletes=True)


class Rating(Stamped, Base):
    recipe_id: Mapped[int] = fk("recipes.id", primary_key=True)
    user_id: Mapped[int] = fk("users.id", primary_key=True, index=True)
    stars: Mapped[int]


class Favourite(Stamped, Base):
    __table_args__ = (Index("ix_favourite_user", "user_id", "created_at", "recipe_id"),)
    recipe_id: Mapped[int] = fk("recipes.id", primary_key=True)
    user_id: Mapped[int] = fk("users.id", primary_key=True)


class Comment(WithId, Stamped, Base):
    recipe_id: Mapped[int] = fk("recipes.id", index=True)
    user_id: Mapped[int] = fk("users.id", index=True)
    text: Mapped[str] = mapped_column(Text)
    user: Mapped[User] = relationship(lazy="raise")


class PlanEntry(WithId, Base):
    __tablename__ = "plan_entries"
    __table_args__ = (Index("ix_plan_household_day", "household_id", "day"),)
    household_id: Mapped[int] = fk("households.id")
    recipe_id: Mapped[int] = fk("recipes.id", index=True)
    day: Mapped[date]
    meal: Mapped[str] = mapped_column(String(10))
    servings: Mapped[float]
    cooked: Mapped[bool] = mapped_column(default=False)
    recipe: Mapped[Recipe] = relationship(lazy="raise")
    eaters: Mapped[list[User]] = relationship(secondary=plan_eaters, lazy="raise", passive_deletes=True)


class PantryItem(WithId, Base):
    __table_args__ = (Index("ix_pantry_household", "household_id", "best_before"),)
    household_id: Mapped[int] = fk("households.id")
    ingredient_id: Mapped[int] = fk("ingredients.id", "RESTRICT")
    amount: Mapped[float]
    unit: Mapped[str] = mapped_column(String(20))
    best_before: Mapped[date | None]
    ingredient: Mapped[Ingredient] = relationship(lazy="raise")


class CookLog(WithId, Base):
    __table_args__ = (Index("ix_cook_recipe", "recipe_id", "household_id"),
                      Index("ix_cook_week", "week", "recipe_id", "household_id"))
    household_id: Mapped[int] = fk("households.id", index=True)
    recipe_id: Mapped[int | None] = fk("recipes.id", "SET NULL")
    cooked_on: Mapped[date]
    week: Mapped[date]  # the Monday of cooked_on
    servings: Mapped[float]


class Activity(WithId, Stamped, Base):
    __tablename__ = "activities"
    __table_args__ = (Index("ix_activity_household_id", "household_id", "id"),
                      Index("ix_activity_created", "created_at", "household_id"))
    household_id: Mapped[int] = fk("households.id")
    user_id: Mapped[int | None] = fk("users.id", "SET NULL")
    recipe_id: Mapped[int | None] = fk("recipes.id", "CASCADE", index=True)
    kind: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(String(200), default="")


_RATING = ("UPDATE recipes SET rating_sum = rating_sum + ({stars}), rating_count = rating_count + ({count}), "
           "rating_average = CASE WHEN rating_count + ({count}) = 0 THEN 0 "
           "ELSE (rating_sum + ({stars})) * 1.0 / (rating_count + ({count})) END WHERE id = {row}.recipe_id;")
_COUNT = "UPDATE recipes SET {column} = {column} + ({count}) WHERE id = {row}.recipe_id;"
_KEPT = {  # table: {event: what keeps the counters of its recipe}
    Rating.__table__: {"INSERT": _RATING.format(stars="NEW.stars", count=1, row="NEW"),
                       "UPDATE": _RATING.format(stars="NEW.stars - OLD.stars", count=0, row="NEW"),
                       "DELETE": _RATING.format(stars="-OLD.stars", count=-1, row="OLD")},
    RecipeIngredient.__table__: {"INSERT": _COUNT.format(column="line_count", count=1, row="NEW"),
                                 "DELETE": _COUNT.format(column="line_count", count=-1, row="OLD")},
    CookLog.__table__: {"INSERT": _COUNT.format(column="times_cooked", count=1, row="NEW"),
                        "DELETE": _COUNT.format(column="times_cooked", count=-1, row="OLD")},
}
for _table, _changes in _KEPT.items():
    for _change, _update in _changes.items():
        _name = f"{_table.name}_{_change.lower()}"
        event.listen(_table, "after_create", DDL(
            f"CREATE TRIGGER {_name} AFTER {_change} ON {_table.name} BEGIN {_update} END").execute_if(dialect="sqlite"))
        event.listen(_table, "after_create", DDL(
            f"CREATE FUNCTION {_name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {_update} RETURN NULL; END $$").execute_if(dialect="postgresql"))
        event.listen(_table, "after_create", DDL(
            f"CREATE TRIGGER {_name} AFTER {_change} ON {_table.name} FOR EACH ROW EXECUTE FUNCTION {_name}()"
        ).execute_if(dialect="postgresql"))
