gateway {
  policies = "policies"
  plugins  = "plugins"
}

module "books" {
  policy  = "inventry"
  adapter = "okapy"
}

module "loans" {
  policy  = "inventory"
  adapter = "okapi"
}
