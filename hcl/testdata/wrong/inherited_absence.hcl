module "catalogue" {
  bounds {
    grace = ["0s", "20m"]
  }
  grace = "14m"
}
