-- Active users by day and month, and their ratio
select month, mau, mean_dau, stickiness
from gold.stickiness
