# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_stix_pattern LIBRARIES picket_feed)
