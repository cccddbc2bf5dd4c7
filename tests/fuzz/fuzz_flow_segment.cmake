# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_flow_segment LIBRARIES picket_store)
