gateway {
  join_secret = "swordfish"
}

module "catalogue" {
  join_secret = 5
}
