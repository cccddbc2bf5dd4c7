# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_agent LIBRARIES picket_device)
