# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_feed_unpack LIBRARIES picket_feed)
