defaults {
  absence_max = "5m"
  grace       = "4m"
}

module "catalogue" {
  absence_max = "10m"
  grace       = "9m"
}

module "loans" {
  grace_min = "5m"
}
