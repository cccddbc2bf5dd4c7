# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_feed_lines LIBRARIES picket_feed)
