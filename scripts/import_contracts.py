"""A contract for import-linter: in a folder that is a list, nobody imports an entry.

Every file of such a folder is an entry, every `_name.py` is machinery. An entry that imports another, or
machinery that names one, would make adding or removing an entry an edit elsewhere.
"""

from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StrangersContract(Contract):
    """Entries of the same folder do not know each other, and their machinery knows none of them."""

    folders = fields.SetField(subfield=fields.ModuleField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        output.verbose_print(verbose, "Looking for entries that are imported inside their own folder.")
        found = sorted(
            pair
            for folder in self.folders  # type: ignore[attr-defined]  # import-linter turns the field into its value
            if folder.name in graph.modules
            for pair in _acquainted(graph, folder.name)
        )
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, entry in check.metadata["found"]:
            output.print_error(
                f"{importer} imports {entry}: entries are strangers, so share it as a _name.py.", bold=False
            )


def _acquainted(graph: ImportGraph, folder: str) -> Iterator[tuple[str, str]]:
    for entry in graph.find_children(folder):
        if entry.rpartition(".")[2].startswith("_"):
            continue
        for module in {entry, *graph.find_descendants(entry)}:
            for importer in graph.find_modules_that_directly_import(module):
                inside = importer == folder or importer.startswith(f"{folder}.")
                if inside and importer != entry and not importer.startswith(f"{entry}."):
                    yield importer, module
