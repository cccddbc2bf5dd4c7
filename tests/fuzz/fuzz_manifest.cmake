# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_manifest LIBRARIES picket_feed)
