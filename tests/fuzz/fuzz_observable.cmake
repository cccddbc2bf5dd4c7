# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_observable LIBRARIES picket_feed)
