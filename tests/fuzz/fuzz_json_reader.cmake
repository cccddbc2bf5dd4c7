# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_json_reader LIBRARIES picket_base PkgConfig::jansson)
