#!/usr/bin/env bash
# Chromium and Firefox with their drivers: from the system's packages when they are missing.
set -euo pipefail
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)
command -v firefox >/dev/null || command -v firefox-esr >/dev/null || missing+=(firefox-esr)
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]} (about half a minute)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if ! command -v geckodriver >/dev/null; then
  echo "building geckodriver (about a minute)"
  cargo install --quiet geckodriver --version 0.37.1 --locked --debug --root target/tools
fi
