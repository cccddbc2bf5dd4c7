# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_shared_signature LIBRARIES picket_ingest)
