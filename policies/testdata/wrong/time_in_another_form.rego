package modgate.site

import data.modgate.lib

update := {"action": "defer", "retry_after_s": 60} if lib.within(input.now, "8:00", "18:00")
