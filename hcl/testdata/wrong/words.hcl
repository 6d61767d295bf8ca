module "catalogue" {
  routing  = "higest"
  callers  = "tokens"
  on_delay = reply
}

process "catalogue" {
  command = ["catalogue"]
  restart = "on_failure"
}
