# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_config LIBRARIES picket_app)
