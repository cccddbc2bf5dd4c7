# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_feed_load LIBRARIES picket_feed)
