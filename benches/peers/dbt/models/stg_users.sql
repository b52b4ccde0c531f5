select user_id, country, city, cast(join_date as date) as join_date
from read_csv('{{ var("landing") }}/users*.csv')
