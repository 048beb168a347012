#!/bin/sh
# What the browser tests need from the system: Chromium and a font with Chinese characters.
# Installed where we are root on Debian or Ubuntu; elsewhere those tests skip and say why
# (with SITING_REQUIRE_ALL=1 they fail instead).
set -eu
wanted=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
  command -v google-chrome >/dev/null 2>&1 || wanted="$wanted chromium"
if ! command -v fc-list >/dev/null 2>&1; then
  wanted="$wanted fontconfig fonts-noto-cjk"
elif [ -z "$(fc-list :lang=zh-cn family)" ]; then
  wanted="$wanted fonts-noto-cjk"
fi
[ -n "$wanted" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing$wanted"
  apt-get update -qq
  # shellcheck disable=SC2086  # a list of packages is meant to be split
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >/dev/null
else
  echo "not installed:$wanted (needs root on Debian or Ubuntu); the tests that need them will skip"
fi
