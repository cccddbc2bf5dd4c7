# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_feed_zeek LIBRARIES picket_feed)
