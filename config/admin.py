from unfold.sites import UnfoldAdminSite


class TocsinAdminSite(UnfoldAdminSite):
    """The admin with its index in four groups: Now · Who · What · System."""
