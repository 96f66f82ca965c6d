"""How far labels can be trusted: calibration, certified thresholds, audit plans, comparison with people."""

from selflearn.trust.aggregation import Aggregation, aggregate
from selflearn.trust.calibration import (
    CalibrationReport,
    Isotonic,
    Temperature,
    calibration_report,
    expected_calibration_error,
    fit_calibrator,
)
from selflearn.trust.certificate import Certificate, accepted_items
from selflearn.trust.certify import certify, certify_losses
from selflearn.trust.many import CertificatesTogether, certify_each
from selflearn.trust.pac import PacLabels, pac_labels
from selflearn.trust.people import (
    AlternativeAnnotator,
    PairedDifference,
    alternative_annotator_test,
    leave_one_out,
    paired_difference,
    shared_ratings,
)
from selflearn.trust.rates import RateEstimate, RateInterval, estimate_rate
from selflearn.trust.sampling import AuditPlan, audit_plan

__all__ = [
    "Aggregation", "AlternativeAnnotator", "AuditPlan", "CalibrationReport", "Certificate", "CertificatesTogether",
    "Isotonic", "PacLabels", "PairedDifference", "RateEstimate", "RateInterval", "Temperature", "accepted_items",
    "aggregate", "alternative_annotator_test", "audit_plan", "calibration_report", "certify", "certify_each",
    "certify_losses", "estimate_rate", "expected_calibration_error", "fit_calibrator", "leave_one_out",
    "pac_labels", "paired_difference", "shared_ratings",
]  # fmt: skip
