process "catalogue" {
  port = 9101
}

process "loans" {
  command     = "loans -v"
  environment = ["A"]
}

process "members" {
  command     = ["./members"]
  port        = 9130
  environment = { PORT = 9102 }
  backoff {
    min = "1m"
    max = "1s"
  }
}

process "search" {
  command = []
  port    = "high"
}
