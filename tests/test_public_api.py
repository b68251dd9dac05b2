"""What the package promises to others is a list that does not change unseen."""

import perfwright
from conftest import Golden


def test_public_api_is_what_the_golden_file_lists(golden: Golden) -> None:
    golden("public_api.txt", "".join(f"{name}\n" for name in sorted(perfwright.__all__)))


def test_every_public_name_exists() -> None:
    assert all(hasattr(perfwright, name) for name in perfwright.__all__)
