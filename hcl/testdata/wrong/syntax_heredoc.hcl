# In a heredoc nothing is a block, whatever it looks like.
gateway {
  listen = "127.0.0.1:9130"
  jion_secret = "0123456789abcdef"
}

module "catalogue" {
  plugin {
    config = <<END
module "loans" {
  graec = "5s"
}
END
  }
}

module "journal" {
  ttl =
}

module "notes" {
  graec = "5s"
}
