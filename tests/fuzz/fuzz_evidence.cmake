# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_evidence LIBRARIES picket_model)
