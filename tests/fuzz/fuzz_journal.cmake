# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_journal LIBRARIES picket_feed)
