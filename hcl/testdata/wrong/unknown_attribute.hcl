gateway {
  listn = "127.0.0.1:8080"
}

module "catalogue" {
  greace = "3s"
  colour = "blue"
}
