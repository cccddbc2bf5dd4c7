# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_backup_manifest LIBRARIES picket_app)
