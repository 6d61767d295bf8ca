module "catalogue" {
  routing = "compatible"
}
