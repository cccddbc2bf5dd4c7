# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_address LIBRARIES picket_model)
