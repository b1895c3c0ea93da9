#!/usr/bin/env bash
# Chromium and Firefox with their drivers: from the system's packages when they are missing.
set -euo pipefail
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)
command -v firefox >/dev/null || command -v firefox-esr >/dev/null || missing+=(firefox-esr)
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "The browser tests need ${missing[*]}; please install them." >&2
    exit 1
  fi
  echo "installing ${missing[*]}: half a minute"
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if ! command -v geckodriver >/dev/null; then
  echo "building geckodriver: a minute"
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet geckodriver --version 0.37.1 --locked --debug --root target/tools
fi
