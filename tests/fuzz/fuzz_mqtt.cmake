# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_mqtt LIBRARIES picket_net)
