locals {
  a      = local.b
  b      = "${local.c}!"
  c      = local.a
  folder = "x"
}

locals {
  folder = "y"
}

gateway {
  data_dir = local.fodler
  policies = locl.folder
  listen = local
}
