# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_flow_pack LIBRARIES picket_model)
