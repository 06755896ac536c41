# Installs Python packages into an environment, and is sourced by the scripts that do: wants $root, the checkout.
# By uv, which takes seconds; by pip in the networks where only that gets through.

pip() { "$root/.venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

# uv does not read pip's configuration: hand over the mirror and the certificates that the user chose for pip.
pip_option() { sed -n "s/^[^=]*\\.$1='\\(.*\\)'\$/\\1/p" <<<"$2" | tail -n 1; }
as_pip_is_configured() {
  local options mirror certificates
  options=$(pip config list 2>/dev/null || true)
  mirror=$(pip_option index-url "$options")
  certificates=$(pip_option cert "$options")
  [ -z "$mirror" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-$mirror}}"
  [ -z "$certificates" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$certificates}"
}

install_into() { # environment, what `pip install` takes
  local environment=$1
  shift
  VIRTUAL_ENV=$environment "$root/.venv/bin/uv" pip install --quiet --compile-bytecode "$@" ||
    pip --python "$environment/bin/python" install --quiet "$@"
}
