"""The default toolset: provision, tear down, check health, list orphans."""
