gateway {
  data_dir    = env("MODGATE_TEST_UNSET")
  policies    = file("no-such-file")
  listen      = uper("x")
  join_secret = env("MODGATE_TEST_UNSET", "a", "b")
}

locals {
  new = satisfies("two", "1.4")
}
