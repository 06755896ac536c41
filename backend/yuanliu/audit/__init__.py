"""The audit: everything that the contracts ever did, judged anew from the chain alone.

It imports neither index, desk, database nor web: whoever distrusts our server and
database runs it against a node of his own.
"""

from yuanliu.audit.findings import Finding
from yuanliu.audit.report import Report
from yuanliu.audit.rules import Rule
from yuanliu.audit.run import FINALITY, Progress, audit

__all__ = ["FINALITY", "Finding", "Progress", "Report", "Rule", "audit"]
