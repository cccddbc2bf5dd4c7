# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_intel LIBRARIES picket_intel)
