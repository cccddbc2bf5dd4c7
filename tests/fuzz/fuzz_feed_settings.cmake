# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_feed_settings LIBRARIES picket_feed)
