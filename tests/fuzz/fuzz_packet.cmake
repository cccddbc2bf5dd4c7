# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_packet LIBRARIES picket_device)
