# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_report LIBRARIES picket_wire)
