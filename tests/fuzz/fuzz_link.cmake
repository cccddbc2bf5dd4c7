# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_link LIBRARIES picket_capture)
