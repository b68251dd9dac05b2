"""Prescriptions and drug interaction checks."""
from collections import defaultdict
from datetime import date, timedelta

from sqlalchemy import and_, or_

from ..extensions import db
from ..models import Interaction, Prescription


class InteractionError(Exception):
    """Raised when a severe interaction was found."""

    def __init__(self, warnings):
        self.warnings = warnings
        super().__init__("; ".join(w["text"] for w in warnings))


def first_of_pairs(condition):
    """Return the first interaction of each pair of drugs, by their ids."""
    found = {}
    for interaction in Interaction.query.filter(condition).order_by(Interaction.id):
        found.setdefault(frozenset((interaction.drug_a_id, interaction.drug_b_id)), interaction)
    return found


def check_drug(patient, drug):
    """Return the warnings for a new drug of a patient."""
    warnings = []
    drugs = patient.active_drugs
    ids = {active.id for active in drugs}
    a, b = Interaction.drug_a_id, Interaction.drug_b_id
    interactions = first_of_pairs(or_(and_(a == drug.id, b.in_(ids)), and_(b == drug.id, a.in_(ids))))
    for active in drugs:
        if active.id == drug.id:
            warnings.append({"severity": "moderate", "text": f"{drug.name} is already prescribed"})
            continue
        interaction = interactions.get(frozenset((drug.id, active.id)))
        if interaction:
            warnings.append(
                {
                    "severity": interaction.severity,
                    "text": f"{drug.name} and {active.name}: {interaction.description}",
                }
            )
        elif drug.drug_class and drug.drug_class == active.drug_class:
            warnings.append(
                {"severity": "minor", "text": f"{active.name} is also of the class {drug.drug_class}"}
            )
    for allergy in (patient.allergies or "").split(","):
        allergy = allergy.strip().lower()
        if allergy and allergy in (drug.name.lower(), drug.drug_class.lower()):
            warnings.append({"severity": "severe", "text": f"The patient is allergic to {allergy}"})
    return warnings


def prescribe(patient, doctor, drug, dosage, days=None, override=False):
    warnings = check_drug(patient, drug)
    if not override and any(w["severity"] == "severe" for w in warnings):
        raise InteractionError(warnings)
    prescription = Prescription(
        patient=patient,
        doctor=doctor,
        drug=drug,
        dosage=dosage,
        start_date=date.today(),
        end_date=date.today() + timedelta(days=days) if days else None,
    )
    db.session.add(prescription)
    db.session.commit()
    return prescription, warnings


def interaction_report(patient):
    """Check all active drugs of a patient against each other."""
    drugs = patient.active_drugs
    places = defaultdict(list)
    for place, drug in enumerate(drugs):
        places[drug.id].append(place)
    found = {}
    for pair, interaction in first_of_pairs(Interaction.drug_a_id.in_(places) & Interaction.drug_b_id.in_(places)).items():
        first, second = min(pair), max(pair)
        for i in places[first]:
            for j in places[second]:
                if i != j:
                    found[min(i, j), max(i, j)] = interaction
    return [
        {"a": drugs[i].name, "b": drugs[j].name, "severity": interaction.severity, "text": interaction.description}
        for (i, j), interaction in sorted(found.items(), key=lambda item: item[0])
    ]
