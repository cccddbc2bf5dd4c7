# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_feed_json LIBRARIES picket_feed)
