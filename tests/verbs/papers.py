"""Reads papers with their publishers' own libraries: `papers.py sbom FILE`, or `papers.py provenance FILE`, which prints
the names of its subjects."""

import base64
import json
import sys


def sbom(text):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        sys.exit(f"not CycloneDX 1.6: {error}")


def provenance(text):
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

    statement = json.loads(base64.b64decode(json.loads(text)["payload"]))
    message = ParseDict(statement, StatementMessage())
    Statement.copy_from_pb(message).validate()
    ParseDict(statement["predicate"], Provenance())  # an unknown field is an error
    print("\n".join(subject["name"] for subject in statement["subject"]))


{"sbom": sbom, "provenance": provenance}[sys.argv[1]](open(sys.argv[2], encoding="utf-8").read())
