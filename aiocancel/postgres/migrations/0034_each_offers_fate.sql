-- What became of those who saw an offer has a count for whoever took another one, and a reason that a vendor told has a
-- denominator: days that were counted beforehand are counted anew.
INSERT INTO aiocancel.recount SELECT DISTINCT since FROM aiocancel.day_figure WHERE figure IN ('offers', 'reasons');
