#!/bin/bash
# SPDX-License-Identifier: MIT
# `./dev demo`: a service, a capture of real programs replayed to it as a device, and what it finds.
# shellcheck disable=SC2119  # the common functions take a prefix that only the live demo has
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/demo_common.sh
. tools/demo_common.sh
trap demo_end EXIT

title "A service on this machine, with a list of three bad networks (examples/lists/demo.txt)"
demo_start_service
title "A camera's traffic, as it was recorded (examples/captures/camera.pcapng), sent as a device would"
run picket replay --to "$PICKET_URL" --device-id camera-1 --device 10.77.0.2 --now \
    examples/captures/camera.pcapng
demo_show camera-1
demo_stay
