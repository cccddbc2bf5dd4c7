# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_feed_csv LIBRARIES picket_feed)
